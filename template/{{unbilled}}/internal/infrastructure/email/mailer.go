package email

import (
	"context"

	"go.uber.org/zap"
)

// Mailer writes email and has it delivered by a Queue, which keeps delivery apart from requests. It is safe for concurrent use.
type Mailer struct {
	letters *Letters
	queue   *Queue
	log     *zap.Logger
}

// NewMailer returns a mailer that puts what it writes into a queue.
func NewMailer(letters *Letters, queue *Queue, log *zap.Logger) *Mailer {
	return &Mailer{letters: letters, queue: queue, log: log}
}

// Welcome writes to a new user. It returns at once; what becomes of the message is in the log and in the numbers of the queue.
func (m *Mailer) Welcome(ctx context.Context, to, username string) {
	message, err := m.letters.Welcome(to, username)
	if err != nil {
		m.log.Error("email not written", zap.Error(err))

		return
	}

	m.queue.Put(ctx, message)
}
