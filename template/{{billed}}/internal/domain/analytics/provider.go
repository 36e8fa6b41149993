package analytics

import "github.com/google/wire"

// ProviderSet makes the Service; the Repository comes from the infrastructure.
var ProviderSet = wire.NewSet(NewService)
