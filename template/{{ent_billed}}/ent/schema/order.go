package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
	"github.com/google/uuid"
)

// Order is what somebody has to pay for.
type Order struct {
	ent.Schema
}

// Fields are the columns of orders.
func (Order) Fields() []ent.Field {
	return []ent.Field{
		field.UUID("id", uuid.UUID{}).Default(newID).Immutable(),
		field.UUID("user_id", uuid.UUID{}).Optional().Nillable(),
		field.String("description").Immutable().SchemaType(text()),
		field.Int64("total_minor").Immutable(),
		field.String("currency").Immutable().SchemaType(code()),
		field.Time("created_at").Immutable(),
	}
}

// Edges lead to the user, whom the order outlives, and the payments, which keep it.
func (Order) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("user", User.Type).Field("user_id").Unique().
			StorageKey(edge.Symbol("orders_user_id_fkey")).Annotations(entsql.OnDelete(entsql.SetNull)),
		edge.To("payments", Payment.Type).
			StorageKey(edge.Symbol("payments_order_id_fkey")).Annotations(entsql.OnDelete(entsql.Restrict)),
	}
}

// Indexes are those that lists are read by.
func (Order) Indexes() []ent.Index {
	newestFirst := entsql.DescColumns("created_at", "id")

	return []ent.Index{
		index.Fields("created_at", "id").Annotations(newestFirst).StorageKey("orders_created_at_id_idx"),
		index.Fields("user_id", "created_at", "id").Annotations(newestFirst).StorageKey("orders_user_id_created_at_id_idx"),
	}
}

// Annotations names the table and its check, which is that of the migration.
func (Order) Annotations() []schema.Annotation {
	return []schema.Annotation{
		entsql.Table("orders"),
		entsql.Checks(map[string]string{"orders_total_positive": "total_minor > 0"}),
	}
}

// code is the type of columns that hold the code of a currency.
func code() map[string]string { return map[string]string{dialect.Postgres: "char(3)"} }
