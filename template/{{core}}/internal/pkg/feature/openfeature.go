package feature

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/open-feature/go-sdk/openfeature"
	"go.uber.org/zap"
)

// provider gives the rules of this process to OpenFeature. All flags are boolean.
type provider struct {
	rules atomic.Pointer[map[string]rule]
}

var _ openfeature.FeatureProvider = (*provider)(nil)

// Metadata names the provider.
func (*provider) Metadata() openfeature.Metadata { return openfeature.Metadata{Name: "rules"} }

// Hooks are none.
func (*provider) Hooks() []openfeature.Hook { return nil }

// BooleanEvaluation decides by the rule of a flag; without one the flag has its default.
func (p *provider) BooleanEvaluation(
	_ context.Context, flag string, fallback bool, about openfeature.FlattenedContext,
) openfeature.BoolResolutionDetail {
	decided, ok := (*p.rules.Load())[flag]
	if !ok {
		return detail(fallback, openfeature.ProviderResolutionDetail{Reason: openfeature.DefaultReason})
	}

	user, _ := about[openfeature.TargetingKey].(string) //nolint:errcheck,revive // no user is ""
	value, reason := decided.decide(flag, user)

	return detail(value, openfeature.ProviderResolutionDetail{Reason: reason})
}

// StringEvaluation, and those after it, say that no flag has such a type.
func (*provider) StringEvaluation(
	_ context.Context, _, fallback string, _ openfeature.FlattenedContext,
) openfeature.StringResolutionDetail {
	return detail(fallback, boolean())
}

// FloatEvaluation refuses.
func (*provider) FloatEvaluation(
	_ context.Context, _ string, fallback float64, _ openfeature.FlattenedContext,
) openfeature.FloatResolutionDetail {
	return detail(fallback, boolean())
}

// IntEvaluation refuses.
func (*provider) IntEvaluation(
	_ context.Context, _ string, fallback int64, _ openfeature.FlattenedContext,
) openfeature.IntResolutionDetail {
	return detail(fallback, boolean())
}

// ObjectEvaluation refuses.
func (*provider) ObjectEvaluation(
	_ context.Context, _ string, fallback any, _ openfeature.FlattenedContext,
) openfeature.InterfaceResolutionDetail {
	return detail(fallback, boolean())
}

// use puts rules in force, and names those that are for no flag of the service, or that let nobody in by mistake.
func (p *provider) use(rules map[string]rule, log *zap.Logger) {
	var unknown, closed []string

	for _, name := range slices.Sorted(maps.Keys(rules)) {
		flag, made := Flag(name), rules[name]

		switch {
		case !slices.Contains(All(), flag):
			unknown = append(unknown, name)
		case flag.hasNoUser() && made.enabled && made.percentage < everyone:
			closed = append(closed, name)
		}
	}

	if len(unknown) > 0 {
		log.Warn("feature flags that this version of the service does not have", zap.Strings("flags", unknown))
	}

	if len(closed) > 0 {
		log.Warn("feature flags that are off for all: nobody is a user yet when they are asked for, and so in no share of them",
			zap.Strings("flags", closed))
	}

	p.rules.Store(&rules)
}

func detail[T any](value T, how openfeature.ProviderResolutionDetail) openfeature.GenericResolutionDetail[T] {
	return openfeature.GenericResolutionDetail[T]{Value: value, ProviderResolutionDetail: how}
}

func boolean() openfeature.ProviderResolutionDetail {
	return openfeature.ProviderResolutionDetail{
		ResolutionError: openfeature.NewTypeMismatchResolutionError("all flags are boolean"),
		Reason:          openfeature.ErrorReason,
	}
}
