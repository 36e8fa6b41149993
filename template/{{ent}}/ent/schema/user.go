// Package schema describes the tables to Ent, which writes the code of package ent from it. The tables themselves are made
// by the migrations; a test proves that the two agree.
package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
	"github.com/google/uuid"
)

// User is a person who uses the service.
type User struct {
	ent.Schema
}

// Mixin adds the times.
func (User) Mixin() []ent.Mixin {
	return []ent.Mixin{TimeMixin{}}
}

// Fields are the columns of users that the mixin does not bring.
func (User) Fields() []ent.Field {
	return []ent.Field{
		field.UUID("id", uuid.UUID{}).Default(newID).Immutable(),
		field.String("username").NotEmpty().SchemaType(text()),
		// Sensitive keeps the address, which is personal data, out of String and so out of logs.
		field.String("email").NotEmpty().Sensitive().SchemaType(text()),
		field.Enum("status").Values("active", "inactive", "suspended").Default("active").SchemaType(text()),
		field.JSON("metadata", map[string]any{}).Annotations(entsql.DefaultExpr("'{}'")),
	}
}

// Indexes are the unique ones, and those that lists are read by. The unique index users_username_key on lower(username) is
// missing here: Ent knows no indexes on expressions.
func (User) Indexes() []ent.Index {
	newestFirst := entsql.DescColumns("created_at", "id")

	return []ent.Index{
		index.Fields("email").Unique().StorageKey("users_email_key"),
		index.Fields("created_at", "id").Annotations(newestFirst).StorageKey("users_created_at_id_idx"),
		index.Fields("status", "created_at", "id").Annotations(newestFirst).StorageKey("users_status_created_at_id_idx"),
	}
}

// Annotations names the table and its checks, which are those of the migration.
func (User) Annotations() []schema.Annotation {
	return []schema.Annotation{
		entsql.Table("users"),
		entsql.Checks(map[string]string{
			"users_email_lower":  "email !~ '[A-Z]'",
			"users_status_known": "status IN ('active', 'inactive', 'suspended')",
		}),
	}
}

// text is the type of columns that hold strings; Ent would choose varchar.
func text() map[string]string { return map[string]string{dialect.Postgres: "text"} }

// newID makes identifiers that sort by time of creation, so that new rows lie together in the index.
func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }
