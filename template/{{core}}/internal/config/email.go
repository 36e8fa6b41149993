package config

import (
	"net/mail"
	"slices"
	"strings"
	"time"
)

// What becomes of email.
const (
	// EmailSMTP gives it to a mail server.
	EmailSMTP = "smtp"
	// EmailLog writes it to the log at level debug. It is for development.
	EmailLog = "log"
	// EmailNone writes none.
	EmailNone = "none"
)

// How a connection to the mail server is encrypted.
const (
	// SMTPStartTLS begins in the clear and goes on only when the server agrees to encrypt (RFC 3207).
	SMTPStartTLS = "starttls"
	// SMTPImplicitTLS is encrypted from the first byte (RFC 8314), as a rule on port 465.
	SMTPImplicitTLS = "implicit"
	// SMTPNoTLS never encrypts. It is for a mail catcher on the developer's machine.
	SMTPNoTLS = "none"
)

// Email says how email leaves the service.
type Email struct {
	// Sender is EmailSMTP, EmailLog or EmailNone. Unset means EmailSMTP when there is a Host, and EmailLog otherwise.
	Sender string `env:"EMAIL_SENDER"`

	Host     string `env:"SMTP_HOST"`
	Port     int    `env:"SMTP_PORT"     envDefault:"587"`
	User     string `env:"SMTP_USER"`
	Password string `env:"SMTP_PASSWORD"`
	// From is the address that email comes from, with a name or without: Parcel Desk <no-reply@example.com>.
	From string `env:"SMTP_FROM"`
	TLS  string `env:"SMTP_TLS"  envDefault:"starttls"`
	// Timeout bounds the delivery of one message, from the connection to the last answer of the server.
	Timeout time.Duration `env:"SMTP_TIMEOUT" envDefault:"10s"`
}

// Kind returns what becomes of email: EmailSMTP, EmailLog or EmailNone.
func (e *Email) Kind() string {
	switch {
	case e.Sender != "":
		return e.Sender
	case e.Host != "":
		return EmailSMTP
	default:
		return EmailLog
	}
}

func (e *Email) check(r *report) {
	r.add(slices.Contains([]string{"", EmailSMTP, EmailLog, EmailNone}, e.Sender), "EMAIL_SENDER", "must be smtp, log or none")

	if e.Kind() == EmailSMTP {
		e.checkSMTP(r)
	}

	if r.cfg.App.Environment != Development {
		e.checkDeployed(r)
	}

	if r.inProduction() {
		e.checkProduction(r)
	}
}

func (e *Email) checkSMTP(r *report) {
	r.add(e.Host != "", "SMTP_HOST", "is required when EMAIL_SENDER is smtp")
	r.add(!strings.ContainsAny(e.Host, ":/ \t\r\n"), "SMTP_HOST", "must be a host without a port: the port is SMTP_PORT")
	r.add(e.Port >= 1 && e.Port <= maxPort, "SMTP_PORT", "must be between 1 and 65535")
	r.add((e.User == "") == (e.Password == ""), "SMTP_PASSWORD", "must be set when SMTP_USER is, and only then")
	r.add(slices.Contains([]string{SMTPStartTLS, SMTPImplicitTLS, SMTPNoTLS}, e.TLS), "SMTP_TLS", "must be starttls, implicit or none")
	r.add(e.User == "" || e.TLS != SMTPNoTLS, "SMTP_TLS", "must not be none with SMTP_USER: the password would be sent unencrypted")
	r.positive(e.Timeout, "SMTP_TIMEOUT")

	_, err := mail.ParseAddress(e.From)
	r.add(err == nil, "SMTP_FROM", "must be an address such as no-reply@example.com or Parcel Desk <no-reply@example.com>")
}

// checkDeployed refuses what is for the developer's machine only.
func (e *Email) checkDeployed(r *report) {
	r.add(e.Kind() != EmailSMTP || e.TLS != SMTPNoTLS, "SMTP_TLS", "must be starttls or implicit outside development")
}

// checkProduction refuses what loses email silently or shows it in the log.
func (e *Email) checkProduction(r *report) {
	r.add(e.Kind() != EmailLog, "EMAIL_SENDER", "must be smtp, with SMTP_HOST, or none in production: the log is no place for email")
	r.add(e.Kind() != EmailSMTP || e.User == "" || !isPlaceholder(e.Password, e.User), "SMTP_PASSWORD",
		"holds a placeholder for a password: set a real one in production")
}
