package router

import (
	"errors"
	"sync"

	"github.com/valyala/fasthttp"
)

// headers keeps the headers of requests whose bodies come in chunks. Fasthttp forgets the header when such a body turns out
// too large, but the answer to that names the path and the request.
type headers struct {
	// kept maps the header inside of a request, whose address is its identity, to a copy.
	kept sync.Map
}

// keep is called when the header of a request has come.
func (h *headers) keep(header *fasthttp.RequestHeader) {
	const chunked = -1 // in place of a length

	if header.ContentLength() != chunked {
		h.kept.Delete(header)

		return
	}

	kept := new(fasthttp.RequestHeader)
	header.CopyTo(kept)
	h.kept.Store(header, kept)
}

// forget is called when a request has come as a whole.
func (h *headers) forget(ctx *fasthttp.RequestCtx) { h.kept.Delete(&ctx.Request.Header) }

// restore is called when a request could not be read. Other errors than that of a large body can come before there is a
// header: as fasthttp uses requests again, what was kept could be of another client.
func (h *headers) restore(ctx *fasthttp.RequestCtx, err error) {
	kept, ok := h.kept.LoadAndDelete(&ctx.Request.Header)
	if !ok || !errors.Is(err, fasthttp.ErrBodyTooLarge) {
		return
	}

	if header, ok := kept.(*fasthttp.RequestHeader); ok {
		header.CopyTo(&ctx.Request.Header)
	}
}
