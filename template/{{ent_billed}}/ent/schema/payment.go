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

// Payment is an attempt to pay an order as a whole.
type Payment struct {
	ent.Schema
}

// Fields are the columns of payments. The service sets the times.
func (Payment) Fields() []ent.Field {
	return []ent.Field{
		field.UUID("id", uuid.UUID{}).Default(newID).Immutable(),
		field.UUID("order_id", uuid.UUID{}).Immutable(),
		field.Int64("amount_minor").Immutable(),
		field.String("currency").Immutable().SchemaType(code()),
		field.Enum("status").Values("pending", "unknown", "completed", "failed").SchemaType(text()),
		field.String("provider_reference").Optional().Nillable().SchemaType(text()),
		field.String("failure_code").Optional().Nillable().SchemaType(text()),
		field.Int("attempts"),
		field.Time("created_at").Immutable(),
		field.Time("updated_at"),
		field.Time("settled_at").Optional().Nillable(),
	}
}

// Edges lead to the order and the entries in the ledger, which keep the payment.
func (Payment) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("order", Order.Type).Ref("payments").Field("order_id").Unique().Required().Immutable(),
		edge.To("ledger_entries", LedgerEntry.Type).
			StorageKey(edge.Symbol("ledger_entries_payment_id_fkey")).Annotations(entsql.OnDelete(entsql.Restrict)),
	}
}

// Indexes are the one that has an order paid once, and those that payments of an order, and open ones, are found by. Conditions are
// written as PostgreSQL gives them back.
func (Payment) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("order_id").Unique().Annotations(entsql.IndexWhere("(status <> 'failed'::text)")).
			StorageKey("payments_order_id_key"),
		index.Fields("order_id").StorageKey("payments_order_id_idx"),
		index.Fields("updated_at").Annotations(entsql.IndexWhere("(status = ANY (ARRAY['pending'::text, 'unknown'::text]))")).
			StorageKey("payments_updated_at_idx"),
	}
}

// Annotations names the table and its checks, which are those of the migration.
func (Payment) Annotations() []schema.Annotation {
	return []schema.Annotation{
		entsql.Table("payments"),
		entsql.Checks(map[string]string{
			"payments_amount_positive": "amount_minor > 0",
			"payments_status_known":    "status IN ('pending', 'unknown', 'completed', 'failed')",
			"payments_settled_final":   "(settled_at IS NOT NULL) = (status IN ('completed', 'failed'))",
		}),
	}
}
