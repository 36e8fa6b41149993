package router

import "github.com/google/wire"

// ProviderSet makes the server.
var ProviderSet = wire.NewSet(New)
