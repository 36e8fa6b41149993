// Package paymenttest stands in for Stripe in tests: it charges nobody, keeps idempotency keys as Stripe does, and goes wrong where
// it is told to.
package paymenttest

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v84"
	"github.com/stripe/stripe-go/v84/webhook"
)

const (
	// SecretKey is what a client shows.
	SecretKey = "sk_test_of_the_stand_in" //nolint:gosec // made up
	// WebhookSecret signs events.
	WebhookSecret = "whsec_of_the_stand_in" //nolint:gosec // made up
)

// Fault is how a request to charge goes wrong.
type Fault int

const (
	// None is a charge that goes well.
	None Fault = iota
	// Decline has the card declined.
	Decline
	// Process answers that the charge is under way.
	Process
	// Refuse answers 500 before anything is done.
	Refuse
	// Limit answers 429 before anything is done.
	Limit
	// Break answers 400: so little can't be charged.
	Break
	// Misconfigure answers 400: the payment method is of the other mode.
	Misconfigure
	// DropBefore closes the connection before anything is done.
	DropBefore
	// DropAfter closes the connection once it is charged.
	DropAfter
	// FailAfter charges and answers 502, as a proxy in between may.
	FailAfter
	// HangAfter charges and does not answer.
	HangAfter
	// LeaveOpen makes an intent and fails before it is confirmed.
	LeaveOpen
)

const (
	// invalidRequest is the type of error that Stripe blames on the request.
	invalidRequest = "invalid_request_error"
	// succeeded is the status of an intent that is charged.
	succeeded = "succeeded"
)

// Intent is a payment intent as far as clients look at it.
type Intent struct {
	ID               string            `json:"id"`
	Object           string            `json:"object"`
	Amount           int64             `json:"amount"`
	Currency         string            `json:"currency"`
	Created          int64             `json:"created"`
	Metadata         map[string]string `json:"metadata"`
	Status           string            `json:"status"`
	LastPaymentError *Refusal          `json:"last_payment_error"`
}

// Refusal is an error as Stripe tells it.
type Refusal struct {
	Type          string  `json:"type"`
	Code          string  `json:"code,omitempty"`
	DeclineCode   string  `json:"decline_code,omitempty"`
	Param         string  `json:"param,omitempty"`
	Message       string  `json:"message"`
	PaymentIntent *Intent `json:"payment_intent,omitempty"`
}

type saved struct {
	form   string
	status int
	body   []byte
}

// Stripe is a running stand-in. It is safe for concurrent use.
type Stripe struct {
	// URL is what a client is given as the base of addresses.
	URL string

	mu       sync.Mutex
	plan     func(key string, seen int) Fault
	intents  []*Intent
	hidden   bool
	answers  map[string]saved
	busy     map[string]bool
	seen     map[string]int
	charges  map[string]int
	requests int
	released chan struct{}
}

// Start returns a stand-in that runs until the test ends.
func Start(t testing.TB) *Stripe {
	t.Helper()

	s := &Stripe{
		plan:    func(string, int) Fault { return None },
		answers: map[string]saved{}, busy: map[string]bool{}, seen: map[string]int{}, charges: map[string]int{},
		released: make(chan struct{}),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/payment_intents", s.create)
	mux.HandleFunc("GET /v1/payment_intents/search", s.search)
	mux.HandleFunc("GET /v1/payment_intents/{id}", s.retrieve)
	mux.HandleFunc("POST /v1/payment_intents/{id}/cancel", s.cancel)

	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.count()

		if r.Header.Get("Authorization") != "Bearer "+SecretKey {
			write(w, http.StatusUnauthorized, refuse(Refusal{Type: invalidRequest, Message: "Invalid API Key provided"}))

			return
		}

		mux.ServeHTTP(w, r)
	}))
	s.URL = server.URL

	t.Cleanup(func() {
		close(s.released)
		server.CloseClientConnections()
		server.Close()
	})

	return s
}

// Plan has faults decided by the key of a request, and how often that was seen before.
func (s *Stripe) Plan(plan func(key string, seen int) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.plan = plan
}

// Always has every first request with a key go wrong in one way.
func (s *Stripe) Always(fault Fault) {
	s.Plan(func(_ string, seen int) Fault {
		if seen > 0 {
			return None
		}

		return fault
	})
}

// Hide keeps intents out of searches, as Stripe does for a while.
func (s *Stripe) Hide(hidden bool) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.hidden = hidden
}

// Charges returns how often each payment was charged, by its identifier.
func (s *Stripe) Charges() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()

	return maps.Clone(s.charges)
}

// Charged returns what a payment was charged, in units of Stripe, and the currency of that.
func (s *Stripe) Charged(paymentID string) (amount int64, currency string) {
	s.mu.Lock()
	defer s.mu.Unlock()

	for _, intent := range s.intents {
		if intent.Metadata["payment_id"] == paymentID && intent.Status == succeeded {
			amount, currency = amount+intent.Amount, intent.Currency
		}
	}

	return amount, currency
}

// Requests returns how many there were, of any kind.
func (s *Stripe) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.requests
}

// Finish charges what was under way.
func (s *Stripe) Finish() {
	s.mu.Lock()
	defer s.mu.Unlock()

	for _, intent := range s.intents {
		if intent.Status == "processing" {
			s.charge(intent)
		}
	}
}

// Age makes all intents older.
func (s *Stripe) Age(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()

	for _, intent := range s.intents {
		intent.Created -= int64(by.Seconds())
	}
}

// Event returns the body of an event about a payment, and its signature.
func Event(t testing.TB, id, kind string, intent Intent, at time.Time, secret string) (body []byte, signature string) {
	t.Helper()

	intent.Object = "payment_intent"

	body, err := json.Marshal(map[string]any{
		"id": id, "object": "event", "type": kind, "created": at.Unix(), "api_version": stripe.APIVersion,
		"data": map[string]any{"object": intent},
	})
	if err != nil {
		t.Fatalf("paymenttest: %v", err)
	}

	_, signature = Sign(t, body, at, secret)

	return body, signature
}

// Sign returns a body as text, and its signature.
func Sign(t testing.TB, body []byte, at time.Time, secret string) (text, signature string) {
	t.Helper()

	mac := hex.EncodeToString(webhook.ComputeSignature(at, body, secret))

	return string(body), fmt.Sprintf("t=%d,v1=%s", at.Unix(), mac)
}

func (s *Stripe) count() {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.requests++
}

func (s *Stripe) create(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		write(w, http.StatusBadRequest, refuse(Refusal{Type: invalidRequest, Message: err.Error()}))

		return
	}

	key := r.Header.Get("Idempotency-Key")

	fault, answered := s.begin(w, key, r.Form.Encode())
	if answered {
		return
	}

	defer s.end(key)

	switch fault {
	case Refuse:
		write(w, http.StatusInternalServerError, refuse(Refusal{Type: "api_error", Message: "something went wrong"}))

		return
	case Limit:
		write(w, http.StatusTooManyRequests, refuse(Refusal{Type: invalidRequest, Code: "rate_limit", Message: "slower"}))

		return
	case Break:
		write(w, http.StatusBadRequest, refuse(Refusal{Type: invalidRequest, Code: "amount_too_small", Message: "more"}))

		return
	case Misconfigure:
		write(w, http.StatusBadRequest, refuse(Refusal{
			Type: invalidRequest, Code: "resource_missing", Param: "payment_method", Message: "No such PaymentMethod",
		}))

		return
	case DropBefore:
		panic(http.ErrAbortHandler)
	default:
	}

	status, body := s.make(fault, r)
	s.save(key, saved{form: r.Form.Encode(), status: status, body: body})

	switch fault {
	case HangAfter:
		select {
		case <-s.released:
		case <-r.Context().Done():
		}

		panic(http.ErrAbortHandler)
	case DropAfter:
		panic(http.ErrAbortHandler)
	case FailAfter, LeaveOpen:
		write(w, http.StatusBadGateway, refuse(Refusal{Type: "api_error", Message: "something went wrong"}))
	default:
		write(w, status, body)
	}
}

// begin answers from what was saved, or decides how the request goes wrong.
func (s *Stripe) begin(w http.ResponseWriter, key, form string) (fault Fault, answered bool) {
	s.mu.Lock()
	defer s.mu.Unlock()

	known, found := s.answers[key]

	switch {
	case key == "":
		write(w, http.StatusBadRequest, refuse(Refusal{Type: invalidRequest, Message: "a test without a key"}))
	case found && known.form != form:
		write(w, http.StatusBadRequest, refuse(Refusal{Type: "idempotency_error", Message: "another request has this key"}))
	case found:
		w.Header().Set("Idempotent-Replayed", "true")
		write(w, known.status, known.body)
	case s.busy[key]:
		write(w, http.StatusConflict, refuse(Refusal{Type: "idempotency_error", Code: "idempotency_key_in_use", Message: "wait"}))
	default:
		s.busy[key] = true
		s.seen[key]++

		return s.plan(key, s.seen[key]-1), false
	}

	return None, true
}

func (s *Stripe) end(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()

	delete(s.busy, key)
}

func (s *Stripe) save(key string, answer saved) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.answers[key] = answer
}

// make makes an intent, and the answer that tells of it.
func (s *Stripe) make(fault Fault, r *http.Request) (status int, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()

	amount, _ := strconv.ParseInt(r.Form.Get("amount"), 10, 64) //nolint:errcheck // 0 is what nobody charges
	intent := &Intent{
		ID: "pi_" + strings.ReplaceAll(uuid.NewString(), "-", ""), Object: "payment_intent",
		Amount: amount, Currency: r.Form.Get("currency"), Created: time.Now().Unix(),
		Metadata: map[string]string{"payment_id": r.Form.Get("metadata[payment_id]")}, Status: "requires_confirmation",
	}
	s.intents = append(s.intents, intent)

	switch fault {
	case Decline:
		intent.Status = "requires_payment_method"
		refusal := Refusal{Type: "card_error", Code: "card_declined", DeclineCode: "insufficient_funds", Message: "declined"}
		intent.LastPaymentError = new(refusal)
		shown := *intent
		refusal.PaymentIntent = &shown

		return http.StatusPaymentRequired, refuse(refusal)
	case Process:
		intent.Status = "processing"
	case LeaveOpen:
	default:
		s.charge(intent)
	}

	return http.StatusOK, encode(intent)
}

func (s *Stripe) charge(intent *Intent) {
	intent.Status = succeeded
	s.charges[intent.Metadata["payment_id"]]++
}

func (s *Stripe) search(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()

	wanted := strings.TrimSuffix(strings.TrimPrefix(r.FormValue("query"), "metadata['payment_id']:'"), "'")
	found := []*Intent{}

	for _, intent := range slices.Backward(s.intents) {
		if intent.Metadata["payment_id"] == wanted && !s.hidden {
			found = append(found, intent)
		}
	}

	write(w, http.StatusOK, encode(map[string]any{
		"object": "search_result", "url": "/v1/payment_intents/search", "has_more": false, "data": found,
	}))
}

func (s *Stripe) retrieve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()

	if intent := s.find(w, r); intent != nil {
		write(w, http.StatusOK, encode(intent))
	}
}

func (s *Stripe) cancel(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()

	intent := s.find(w, r)

	switch {
	case intent == nil:
	case intent.Status == succeeded, intent.Status == "processing":
		write(w, http.StatusBadRequest, refuse(Refusal{
			Type: invalidRequest, Code: "payment_intent_unexpected_state", Message: "too late",
		}))
	default:
		intent.Status = "canceled"
		write(w, http.StatusOK, encode(intent))
	}
}

func (s *Stripe) find(w http.ResponseWriter, r *http.Request) *Intent {
	for _, intent := range s.intents {
		if intent.ID == r.PathValue("id") {
			return intent
		}
	}

	write(w, http.StatusNotFound, refuse(Refusal{Type: invalidRequest, Code: "resource_missing", Message: "no such intent"}))

	return nil
}

func refuse(r Refusal) []byte { return encode(map[string]Refusal{"error": r}) }

func encode(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Errorf("paymenttest: %w", err))
	}

	return text
}

func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Request-Id", "req_"+uuid.NewString())
	w.WriteHeader(status)
	_, _ = w.Write(body) //nolint:errcheck,gosec // who asked is gone; it is JSON, for a test
}
