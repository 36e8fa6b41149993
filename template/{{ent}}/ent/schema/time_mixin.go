package schema

import (
	"time"

	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/mixin"
)

// TimeMixin says when a row was made and when it was changed last. Ent sets both; the defaults in the database are for
// rows that come another way.
type TimeMixin struct {
	mixin.Schema
}

// Fields are the two columns.
func (TimeMixin) Fields() []ent.Field {
	return []ent.Field{
		field.Time("created_at").Default(now).Immutable().Annotations(entsql.DefaultExpr("now()")),
		field.Time("updated_at").Default(now).UpdateDefault(now).Annotations(entsql.DefaultExpr("now()")),
	}
}

// now is the time in the precision that PostgreSQL stores: what Ent returns from a create is what it reads later.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
