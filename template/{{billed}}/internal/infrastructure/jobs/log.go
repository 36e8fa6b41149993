package jobs

import (
	"context"
	"log/slog"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// handler gives what River logs to the log of the service. What River only informs about, such as each try, is for debugging.
type handler struct{ log *zap.Logger }

var _ slog.Handler = handler{}

func newHandler(log *zap.Logger) handler {
	return handler{log: log.WithOptions(zap.WithCaller(false)).Named("river")}
}

// Enabled implements slog.Handler.
func (h handler) Enabled(_ context.Context, level slog.Level) bool {
	return h.log.Core().Enabled(levelOf(level))
}

// Handle implements slog.Handler.
func (h handler) Handle(_ context.Context, record slog.Record) error {
	fields := make([]zap.Field, 0, record.NumAttrs())

	record.Attrs(func(attr slog.Attr) bool {
		fields = append(fields, zap.Any(attr.Key, attr.Value.Any()))

		return true
	})
	h.log.Log(levelOf(record.Level), record.Message, fields...)

	return nil
}

// WithAttrs implements slog.Handler.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	fields := make([]zap.Field, 0, len(attrs))
	for _, attr := range attrs {
		fields = append(fields, zap.Any(attr.Key, attr.Value.Any()))
	}

	return handler{log: h.log.With(fields...)}
}

// WithGroup implements slog.Handler.
func (h handler) WithGroup(name string) slog.Handler {
	return handler{log: h.log.With(zap.Namespace(name))}
}

func levelOf(level slog.Level) zapcore.Level {
	switch {
	case level >= slog.LevelError:
		return zapcore.ErrorLevel
	case level >= slog.LevelWarn:
		return zapcore.WarnLevel
	default:
		return zapcore.DebugLevel
	}
}
