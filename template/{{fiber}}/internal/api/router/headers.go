package router

import (
	"errors"
	"runtime"
	"sync"
	"weak"

	"github.com/valyala/fasthttp"
)

// headers keeps the headers of requests whose bodies come in chunks. Fasthttp forgets the header when such a body turns out
// too large, but the answer to that names the path and the request.
//
// Fasthttp does not tell of every request how it ended: of a client that leaves before the first chunk it says nothing. So a
// copy stays until the next such request in the same place of memory, and goes with it.
type headers struct {
	// kept maps the header inside of a request, whose address is its identity, to a copy. It holds neither the header nor the
	// request, or no request that ended in silence would ever be collected.
	kept sync.Map // of weak.Pointer[fasthttp.RequestHeader] to *fasthttp.RequestHeader
}

// keep is called when the header of a request has come.
func (h *headers) keep(header *fasthttp.RequestHeader) {
	const chunked = -1 // in place of a length

	if header.ContentLength() != chunked {
		return
	}

	identity := weak.Make(header)

	kept, again := h.kept.LoadOrStore(identity, new(fasthttp.RequestHeader))
	if !again {
		runtime.AddCleanup(header, h.forget, identity)
	}

	if kept, ok := kept.(*fasthttp.RequestHeader); ok {
		header.CopyTo(kept)
	}
}

// forget is called when the collector has taken a request. Until then fasthttp uses it again and again.
func (h *headers) forget(identity weak.Pointer[fasthttp.RequestHeader]) { h.kept.Delete(identity) }

// restore is called when a request could not be read. Other errors than that of a large body can come before there is a
// header, and the header of a body whose length was said is still there: what was kept is then of another request.
func (h *headers) restore(ctx *fasthttp.RequestCtx, err error) {
	header := &ctx.Request.Header
	if !errors.Is(err, fasthttp.ErrBodyTooLarge) || header.ContentLength() > 0 {
		return
	}

	kept, ok := h.kept.Load(weak.Make(header))
	if !ok {
		return
	}

	if kept, ok := kept.(*fasthttp.RequestHeader); ok {
		kept.CopyTo(header)
	}
}
