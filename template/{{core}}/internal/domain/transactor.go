// Package domain holds what the domains share; each has a package of its own below.
package domain

import "context"

// Transactor makes several calls of repositories one transaction.
type Transactor interface {
	// InTransaction runs do in a transaction. Repositories that are given the context of do, or one made from it, work in that
	// transaction and on its one connection; a call of InTransaction with it joins in. The transaction commits when do
	// returns nil. It rolls back when do returns an error, which InTransaction then returns, when do panics, and when the
	// context ends.
	//
	// A transaction holds a connection: do nothing slow in it, and start no goroutines that use its context.
	InTransaction(ctx context.Context, do func(ctx context.Context) error) error
}
