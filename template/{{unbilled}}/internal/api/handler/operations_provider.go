package handler

import "github.com/google/wire"

// operationsSet has all operations but those that Registration adds to.
var operationsSet = wire.NewSet(NewOperations)

// NewOperations returns those of the base: there are no others.
func NewOperations(base *Base) Operations { return base }
