// Package policy says who may call which operation of the API.
package policy

import "net/http"

// Policy says who may call an operation.
type Policy int

const (
	// None is the policy of a route that was forgotten: nobody gets through.
	None Policy = iota
	// Public lets everybody through. A token is not looked at.
	Public
	// Authenticated lets every user through.
	Authenticated
	// SelfOrAdmin lets the user through whose {id} is in the path, and administrators. To others there is no such user.
	SelfOrAdmin
	// Admin lets administrators through.
	Admin
)

// Table holds the policies of routes, by method and template, such as "GET /v1/users/{id}". It is not changed once it is in use.
type Table map[string]Policy

// Routes returns the policy of every route. A route that is missing here is refused, and fails a test; so does one that the
// document gives no security although it is not public, or the other way round.
func Routes() Table {
	return Table{
		"GET /health/live":  Public,
		"GET /health/ready": Public,
		"GET /docs":         Public,
		"GET /openapi.yaml": Public,

		"POST /v1/auth/login":             Public,
		"POST /v1/auth/refresh":           Public,
		"POST /v1/auth/logout":            Public,
		"POST /v1/auth/logout-everywhere": Authenticated,

		"GET /v1/users":         Admin,
		"POST /v1/users":        Public,
		"GET /v1/users/me":      Authenticated,
		"GET /v1/users/{id}":    SelfOrAdmin,
		"PATCH /v1/users/{id}":  SelfOrAdmin,
		"DELETE /v1/users/{id}": SelfOrAdmin,
	}
}

// Of returns the policy of a route. What holds for GET holds for HEAD.
func (t Table) Of(method, route string) Policy {
	if method == http.MethodHead {
		method = http.MethodGet
	}

	return t[method+" "+route]
}
