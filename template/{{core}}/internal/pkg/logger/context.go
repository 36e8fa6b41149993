package logger

import (
	"context"
	"slices"

	"go.uber.org/zap"
)

// key is the type of the context key: no other package can have it.
type key struct{}

// With returns a context that carries fields, beside those it has. They say what an entry belongs to: the request, the user.
func With(ctx context.Context, fields ...zap.Field) context.Context {
	return context.WithValue(ctx, key{}, slices.Concat(Fields(ctx), fields))
}

// Fields returns what a context carries, for the entries that are about it: log.Warn("...", logger.Fields(ctx)...). The slice
// is not to be changed.
func Fields(ctx context.Context) []zap.Field {
	fields, _ := ctx.Value(key{}).([]zap.Field) //nolint:errcheck,revive // none is nil

	return fields
}
