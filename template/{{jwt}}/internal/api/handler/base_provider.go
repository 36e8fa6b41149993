package handler

import "github.com/google/wire"

// baseSet makes the base; the domain provides what its services are bound to.
var baseSet = wire.NewSet(New, NewAccounts)
