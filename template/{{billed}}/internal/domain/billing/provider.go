package billing

import "github.com/google/wire"

// ProviderSet makes the Service; the repositories and the outbox come from the infrastructure.
var ProviderSet = wire.NewSet(NewService)
