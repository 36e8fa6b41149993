package admin

import (
	"fmt"
	"io"
	"net/http"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"time"
)

const (
	defaultProfile = 30 * time.Second
	longestProfile = 5 * time.Minute
	// collect is how long sending a profile may take once it is there.
	collect = 10 * time.Second
)

// profiles returns what `go tool pprof` and `go tool trace` ask for. It stands here because importing net/http/pprof would
// also put all of that on http.DefaultServeMux, for any code of the process to serve by mistake.
func profiles() []Page {
	return []Page{
		{Path: "/debug/pprof/", Handler: http.HandlerFunc(lookup)},
		{Path: "/debug/pprof/profile", Handler: during(pprof.StartCPUProfile, pprof.StopCPUProfile)},
		{Path: "/debug/pprof/trace", Handler: during(trace.Start, trace.Stop)},
	}
}

// lookup writes one of the profiles that the runtime always has, such as heap, or their names.
func lookup(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Path[len("/debug/pprof/"):]
	if name == "" {
		list(w)

		return
	}

	profile := pprof.Lookup(name)
	if profile == nil {
		http.NotFound(w, r)

		return
	}

	debug, err := strconv.Atoi(r.FormValue("debug"))
	if err != nil {
		debug = 0
	}

	if debug == 0 {
		binary(w, name)
	} else {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}

	_ = profile.WriteTo(w, debug) //nolint:errcheck // whoever asked is gone
}

func list(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")

	for _, profile := range pprof.Profiles() {
		fmt.Fprintln(w, profile.Name(), profile.Count())
	}

	fmt.Fprintln(w, "profile (CPU, ?seconds=30)")
	fmt.Fprintln(w, "trace (?seconds=30)")
}

// during records for as long as the query says, in seconds, or until the client or the service ends. There can be one
// recording of a kind at a time.
func during(start func(io.Writer) error, stop func()) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		length := defaultProfile

		if given := r.FormValue("seconds"); given != "" {
			seconds, err := strconv.ParseFloat(given, 64)
			length = time.Duration(seconds * float64(time.Second))

			if err != nil || length <= 0 || length > longestProfile {
				http.Error(w, "seconds must be a number above 0, and "+strconv.Itoa(int(longestProfile.Seconds()))+" at most",
					http.StatusBadRequest)

				return
			}
		}

		if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(length + collect)); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)

			return
		}

		binary(w, "profile")

		if err := start(w); err != nil {
			w.Header().Del("Content-Disposition")
			http.Error(w, err.Error(), http.StatusConflict)

			return
		}
		defer stop()

		select {
		case <-time.After(length):
		case <-r.Context().Done():
		}
	})
}

func binary(w http.ResponseWriter, name string) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
}
