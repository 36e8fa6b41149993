package middleware

import (
	"net/http"
	"slices"
)

// CORS lets the pages of the given origins call the service, as the Fetch standard has it. Origins are compared as a whole:
// there are no wildcards. Without origins it does nothing.
func CORS(origins []string) Middleware {
	return func(x Exchange, next func() error) error {
		if len(origins) == 0 {
			return next()
		}

		// Caches must not give the answer for one origin to another, nor to a request that has none.
		x.SetHeader("Vary", "Origin")

		origin := x.RequestHeader("Origin")
		if !slices.Contains(origins, origin) {
			return next()
		}

		x.SetHeader("Access-Control-Allow-Origin", origin)

		if x.Method() != http.MethodOptions || x.RequestHeader("Access-Control-Request-Method") == "" {
			x.SetHeader("Access-Control-Expose-Headers", "Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id")

			return next()
		}

		x.SetHeader("Access-Control-Allow-Methods", "GET, HEAD, POST, PATCH, DELETE")
		// Pages of these origins may send any header, what the document asks for and the context of traces included. The wildcard
		// holds for requests without the browser's own credentials, and there are no others here; it leaves Authorization out.
		x.SetHeader("Access-Control-Allow-Headers", "Authorization, *")
		x.SetHeader("Access-Control-Max-Age", "600") // seconds
		x.Respond(http.StatusNoContent, "", nil)

		return nil
	}
}
