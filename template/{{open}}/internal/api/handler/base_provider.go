package handler

import "github.com/google/wire"

// baseSet makes the base; the domain provides what its service is bound to.
var baseSet = wire.NewSet(New)
