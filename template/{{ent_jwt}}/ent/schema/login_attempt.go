package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// LoginAttempt counts attempts to log in under a key: the HMAC of an email address or of the address of a client.
type LoginAttempt struct {
	ent.Schema
}

// Fields are the columns of login_attempts.
func (LoginAttempt) Fields() []ent.Field {
	return []ent.Field{
		field.String("id").StorageKey("key").NotEmpty().Immutable().SchemaType(text()),
		field.Int("count"),
		field.Time("started_at"),
	}
}

// Indexes is the one that old windows are found by.
func (LoginAttempt) Indexes() []ent.Index {
	return []ent.Index{index.Fields("started_at").StorageKey("login_attempts_started_at_idx")}
}

// Annotations names the table.
func (LoginAttempt) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Table("login_attempts")}
}
