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

// LedgerEntry is a line of the ledger. It is never changed.
type LedgerEntry struct {
	ent.Schema
}

// Fields are the columns of ledger_entries.
func (LedgerEntry) Fields() []ent.Field {
	return []ent.Field{
		field.UUID("id", uuid.UUID{}).Default(newID).Immutable(),
		field.UUID("payment_id", uuid.UUID{}).Immutable(),
		field.Enum("account").Values("provider_clearing", "order_revenue").Immutable().SchemaType(text()),
		field.Int64("amount_minor").Immutable(),
		field.String("currency").Immutable().SchemaType(code()),
		field.Time("created_at").Immutable(),
	}
}

// Edges lead to the payment.
func (LedgerEntry) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("payment", Payment.Type).Ref("ledger_entries").Field("payment_id").Unique().Required().Immutable(),
	}
}

// Indexes have a payment posted once to each account.
func (LedgerEntry) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("payment_id", "account").Unique().StorageKey("ledger_entries_payment_id_account_key"),
	}
}

// Annotations names the table and its checks, which are those of the migration.
func (LedgerEntry) Annotations() []schema.Annotation {
	return []schema.Annotation{
		entsql.Table("ledger_entries"),
		entsql.Checks(map[string]string{
			"ledger_entries_account_known":    "account IN ('provider_clearing', 'order_revenue')",
			"ledger_entries_amount_something": "amount_minor <> 0",
		}),
	}
}
