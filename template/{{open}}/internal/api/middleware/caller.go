package middleware

import "context"

// caller knows nobody by name: whoever stands before the service knows its users.
func caller(context.Context) string { return "" }
