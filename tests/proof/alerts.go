package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
	"go.yaml.in/yaml/v3"
)

// step is the time between two scrapes, and between two evaluations.
const step = time.Minute

// scenario is what happens to the series for a while.
type scenario struct {
	Name string `yaml:"name"`
	// Series maps a series to its values, one a minute, in the notation of Prometheus' own tests, such as 0+60x30.
	Series map[string]string `yaml:"series"`
	// For is how long that goes on.
	For model.Duration `yaml:"for"`
}

// outcome is what fired at the end of a scenario.
type outcome struct {
	Name  string   `json:"name"`
	Fires []string `json:"fires"`
}

// fire returns which alerts of the rules fire at the end of each case.
func fire(file string, ruleFiles []string) ([]outcome, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}

	var scenarios []scenario
	if err := yaml.Unmarshal(text, &scenarios); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}

	outcomes := make([]outcome, 0, len(scenarios))

	for _, s := range scenarios {
		fires, err := s.play(ruleFiles)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", file, s.Name, err)
		}

		outcomes = append(outcomes, outcome{Name: s.Name, Fires: fires})
	}

	return outcomes, nil
}

func (s scenario) play(ruleFiles []string) (fires []string, err error) {
	var load strings.Builder

	fmt.Fprintf(&load, "load %s\n", model.Duration(step))

	for series, values := range s.Series {
		fmt.Fprintf(&load, "  %s %s\n", series, values)
	}

	suite, err := promqltest.NewLazyLoader(load.String(), promqltest.LazyLoaderOpts{
		EnableAtModifier: true, EnableNegativeOffset: true, Parser: newParser(),
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, suite.Close()) }()

	suite.SubqueryInterval = step

	groups, errs := rules.NewManager(&rules.ManagerOptions{
		QueryFunc:    rules.EngineQueryFunc(suite.QueryEngine(), suite.Storage()),
		AppendableV2: suite.Storage(),
		Context:      context.Background(),
		NotifyFunc:   func(context.Context, string, ...*rules.Alert) {},
		Logger:       promslog.NewNopLogger(),
		Parser:       newParser(),
	}).LoadGroups(step, labels.EmptyLabels(), "", nil, false, ruleFiles...)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}

	begin := time.Unix(0, 0).UTC()
	for now := begin; !now.After(begin.Add(time.Duration(s.For))); now = now.Add(step) {
		suite.WithSamplesTill(now, func(failed error) { err = errors.Join(err, failed) })

		for _, group := range groups {
			group.Eval(suite.Context(), now)

			for _, r := range group.Rules() {
				err = errors.Join(err, r.LastError())
			}
		}
	}

	fires = []string{}

	for _, group := range groups {
		for _, alert := range group.AlertingRules() {
			if alert.State() == rules.StateFiring {
				fires = append(fires, alert.Name())
			}
		}
	}

	slices.Sort(fires)

	return fires, err
}
