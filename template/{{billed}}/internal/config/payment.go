package config

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// Who charges cards.
const (
	// PaymentStripe is Stripe, or whoever answers in its place at Stripe.BaseURL.
	PaymentStripe = "stripe"
	// PaymentFake charges nobody. It is for development.
	PaymentFake = "fake"
)

// testCards is what the names of the cards of Stripe's test mode begin with.
const testCards = "pm_card_"

// Payment says who charges cards.
type Payment struct {
	// Provider is PaymentStripe or PaymentFake.
	Provider string `env:"PAYMENT_PROVIDER" envDefault:"fake"`
	// WebhookSecrets are those that Stripe may have signed its messages with: several while one takes the place of another.
	WebhookSecrets []string `env:"STRIPE_WEBHOOK_SECRET"`
}

// Stripe says how to reach Stripe. The worker alone does.
type Stripe struct {
	// SecretKey is demanded of the worker alone: the API does without.
	SecretKey string `env:"STRIPE_SECRET_KEY"`
	BaseURL   string `env:"STRIPE_BASE_URL"   envDefault:"https://api.stripe.com"`
	// PaymentMethod is what is charged: orders have no card of their own here.
	PaymentMethod string `env:"STRIPE_PAYMENT_METHOD" envDefault:"pm_card_visa"`
	// Timeout bounds one request to Stripe, from the connection to the last byte of the answer.
	Timeout time.Duration `env:"PAYMENT_TIMEOUT" envDefault:"10s"`
}

func (p *Payment) check(r *report) {
	r.add(slices.Contains([]string{PaymentStripe, PaymentFake}, p.Provider), "PAYMENT_PROVIDER", "must be stripe or fake")
	r.add(p.Provider != PaymentFake || !r.inProduction(), "PAYMENT_PROVIDER", "must be stripe in production: the fake charges nobody")

	if p.Provider != PaymentStripe {
		return
	}

	r.add(len(p.WebhookSecrets) > 0, "STRIPE_WEBHOOK_SECRET", "is required when PAYMENT_PROVIDER is stripe: Stripe shows it, as whsec_...")

	for _, secret := range p.WebhookSecrets {
		r.add(secret != "", "STRIPE_WEBHOOK_SECRET", "has an empty element")
		r.add(!r.inProduction() || !isPlaceholder(secret, ""), "STRIPE_WEBHOOK_SECRET",
			"holds a placeholder for a secret: set the one that Stripe shows")
	}
}

func (s *Stripe) check(r *report) {
	r.positive(s.Timeout, "PAYMENT_TIMEOUT")

	if r.cfg.Payment.Provider != PaymentStripe {
		return
	}

	r.add(isOrigin(s.BaseURL), "STRIPE_BASE_URL", "must be an address such as https://api.stripe.com, without a path")
	r.add(!r.inProduction() || strings.HasPrefix(s.BaseURL, "https://") || isLoopback(s.BaseURL), "STRIPE_BASE_URL",
		"must begin with https:// in production: the secret key goes there")
	r.add(s.PaymentMethod != "", "STRIPE_PAYMENT_METHOD", "must not be empty")
}

// charging is what the worker needs beyond what the API does.
type charging struct{}

func (charging) check(r *report) {
	if r.cfg.Payment.Provider != PaymentStripe {
		return
	}

	key := r.cfg.Stripe.SecretKey
	r.add(key != "", "STRIPE_SECRET_KEY", "is required when PAYMENT_PROVIDER is stripe: Stripe shows it, as sk_... or rk_...")
	r.add(!r.inProduction() || !isPlaceholder(key, ""), "STRIPE_SECRET_KEY",
		"holds a placeholder for a secret: set the one that Stripe shows")
	r.add(!isLive(key) || !strings.HasPrefix(r.cfg.Stripe.PaymentMethod, testCards), "STRIPE_PAYMENT_METHOD",
		"is a card of Stripe's test mode, and STRIPE_SECRET_KEY is a key of its live mode")
}

// isLive reports whether a key charges real cards.
func isLive(key string) bool {
	return strings.HasPrefix(key, "sk_live_") || strings.HasPrefix(key, "rk_live_")
}

// isLoopback reports whether an address is on this machine, as that of a proxy that encrypts is.
func isLoopback(address string) bool {
	u, err := url.Parse(address)

	return err == nil && slices.Contains([]string{"127.0.0.1", "::1", "localhost"}, u.Hostname())
}
