// Package ent is written by Ent from the schema: run make generate after a change there.
package ent

//go:generate go run -mod=mod entgo.io/ent/cmd/ent generate ./schema
