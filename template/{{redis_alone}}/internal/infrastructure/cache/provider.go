package cache

import "github.com/google/wire"

// ProviderSet makes the Store: Redis, which all replicas share. It needs a client of Redis.
var ProviderSet = wire.NewSet(
	NewRedis,
	wire.Bind(new(Remote), new(*Redis)),
	NewResilient,
	wire.Bind(new(Store), new(*Resilient)),
)
