package auth

import "github.com/google/wire"

// ProviderSet makes the Service; repositories, hasher and tokens come from elsewhere.
var ProviderSet = wire.NewSet(NewRegistrar, NewService)
