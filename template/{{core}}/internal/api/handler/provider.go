package handler

import "github.com/google/wire"

// ProviderSet makes the API; the domain provides what its services are bound to.
var ProviderSet = wire.NewSet(
	operationsSet,
	apiSet,
)
