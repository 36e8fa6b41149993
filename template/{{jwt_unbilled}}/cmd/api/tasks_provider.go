package main

import "github.com/google/wire"

// tasksSet makes what goes on beside the servers: the API cleans up after itself.
//
//nolint:unused // by wire.go, which is not part of the build
var tasksSet = wire.NewSet(
	newCleaner,
	newTasks,
)

func newTasks(sessions *cleaner) []task { return []task{sessions.run} }
