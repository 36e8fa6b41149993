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

// Account is what a user logs in with.
type Account struct {
	ent.Schema
}

// Mixin adds the times.
func (Account) Mixin() []ent.Mixin {
	return []ent.Mixin{TimeMixin{}}
}

// Fields are the columns of accounts that the mixin does not bring.
func (Account) Fields() []ent.Field {
	return []ent.Field{
		field.UUID("id", uuid.UUID{}).Default(newID).Immutable(),
		field.UUID("user_id", uuid.UUID{}).Immutable(),
		field.Enum("role").Values("user", "admin").SchemaType(text()),
		field.String("password_hash").NotEmpty().Sensitive().SchemaType(text()),
	}
}

// Edges lead to the user and the sessions. The account goes with its user, and its sessions go with it.
func (Account) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("user", User.Type).Field("user_id").Unique().Required().Immutable().
			StorageKey(edge.Symbol("accounts_user_id_fkey")).Annotations(entsql.OnDelete(entsql.Cascade)),
		edge.To("sessions", Session.Type).
			StorageKey(edge.Symbol("sessions_account_id_fkey")).Annotations(entsql.OnDelete(entsql.Cascade)),
	}
}

// Indexes make it one account a user.
func (Account) Indexes() []ent.Index {
	return []ent.Index{index.Fields("user_id").Unique().StorageKey("accounts_user_id_key")}
}

// Annotations names the table and its check, which is that of the migration.
func (Account) Annotations() []schema.Annotation {
	return []schema.Annotation{
		entsql.Table("accounts"),
		entsql.Checks(map[string]string{"accounts_role_known": "role IN ('user', 'admin')"}),
	}
}
