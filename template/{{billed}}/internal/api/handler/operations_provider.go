package handler

import "github.com/google/wire"

// operationsSet makes all operations but those that Registration adds to.
var operationsSet = wire.NewSet(NewBilling, NewWebhooks, wire.Bind(new(Operations), new(*Webhooks)))
