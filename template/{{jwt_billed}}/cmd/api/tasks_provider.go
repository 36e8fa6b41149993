package main

import "github.com/google/wire"

// tasksSet has nothing go on beside the servers: the worker cleans up.
//
//nolint:unused // by wire.go, which is not part of the build
var tasksSet = wire.NewSet(wire.Value([]task(nil)))
