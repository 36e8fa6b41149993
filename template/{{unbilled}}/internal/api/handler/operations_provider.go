package handler

import "github.com/google/wire"

// operationsSet has all operations but those that Registration adds to: there are none beside the base.
var operationsSet = wire.NewSet(wire.Bind(new(Operations), new(*Base)))
