package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
	"github.com/google/uuid"
)

// Session is a family of refresh tokens that begins with a login.
type Session struct {
	ent.Schema
}

// Fields are the columns of sessions. The service sets the times, so that all of a login have the same.
func (Session) Fields() []ent.Field {
	return []ent.Field{
		field.UUID("id", uuid.UUID{}).Default(newID).Immutable(),
		field.UUID("account_id", uuid.UUID{}).Immutable(),
		field.Time("created_at").Immutable(),
		field.Time("expires_at"),
		field.Time("revoked_at").Optional().Nillable(),
	}
}

// Edges lead to the account and the tokens, which go with the session.
func (Session) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("account", Account.Type).Ref("sessions").Field("account_id").Unique().Required().Immutable(),
		edge.To("refresh_tokens", RefreshToken.Type).
			StorageKey(edge.Symbol("refresh_tokens_session_id_fkey")).Annotations(entsql.OnDelete(entsql.Cascade)),
	}
}

// Indexes are those that sessions of an account, and expired ones, are found by.
func (Session) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("account_id").StorageKey("sessions_account_id_idx"),
		index.Fields("expires_at").StorageKey("sessions_expires_at_idx"),
	}
}

// Annotations names the table.
func (Session) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Table("sessions")}
}
