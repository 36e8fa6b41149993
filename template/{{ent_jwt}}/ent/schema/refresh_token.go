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

// RefreshToken is what is stored of a refresh token. Its ID is the HMAC of the token, in base64.
type RefreshToken struct {
	ent.Schema
}

// Fields are the columns of refresh_tokens.
func (RefreshToken) Fields() []ent.Field {
	return []ent.Field{
		field.String("id").StorageKey("hash").NotEmpty().Immutable().SchemaType(text()),
		field.UUID("session_id", uuid.UUID{}).Immutable(),
		field.Time("created_at").Immutable(),
		field.Time("expires_at").Immutable(),
		field.Time("used_at").Optional().Nillable(),
	}
}

// Edges lead to the session.
func (RefreshToken) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("session", Session.Type).Ref("refresh_tokens").Field("session_id").Unique().Required().Immutable(),
	}
}

// Indexes are those that tokens of a session, and expired ones, are found by.
func (RefreshToken) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("session_id").StorageKey("refresh_tokens_session_id_idx"),
		index.Fields("expires_at").StorageKey("refresh_tokens_expires_at_idx"),
	}
}

// Annotations names the table.
func (RefreshToken) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Table("refresh_tokens")}
}
