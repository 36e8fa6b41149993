package email

import "github.com/google/wire"

// ProviderSet makes the mailer, and the queue and the sender behind it.
var ProviderSet = wire.NewSet(NewSender, NewQueue, NewMailer)
