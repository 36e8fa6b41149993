// Command manifests builds overlays as `kustomize build` does, and asks the code of Kubernetes' own admission plugin what the
// Pod Security Standards have against the pods in them. It reads trees of files and writes what it found, both as JSON, many
// at once: tools/manifests.py says what for.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// request is a folder to build in a tree of files, by their paths.
type request struct {
	Files  map[string]string `json:"files"`
	Folder string            `json:"folder"`
}

// answer is what came of it.
type answer struct {
	// Built is one document for each object.
	Built string `json:"built"`
	// Insecure has a line for each pod that the level restricted refuses.
	Insecure []string `json:"insecure"`
	Error    string   `json:"error"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "manifests:", err)
		os.Exit(1)
	}
}

func run() error {
	var requests []request
	if err := json.NewDecoder(os.Stdin).Decode(&requests); err != nil {
		return fmt.Errorf("read requests: %w", err)
	}

	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return fmt.Errorf("make evaluator: %w", err)
	}

	answers := make([]answer, len(requests))
	for i, r := range requests {
		if answers[i], err = answerTo(evaluator, r); err != nil {
			answers[i] = answer{Error: err.Error()}
		}
	}

	return json.NewEncoder(os.Stdout).Encode(answers)
}

func answerTo(evaluator policy.Evaluator, r request) (answer, error) {
	files := filesys.MakeFsInMemory()
	for path, text := range r.Files {
		if err := files.WriteFile(path, []byte(text)); err != nil {
			return answer{}, err
		}
	}

	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, r.Folder)
	if err != nil {
		return answer{}, err
	}

	var a answer

	for _, object := range built.Resources() {
		data, err := object.AsYAML()
		if err != nil {
			return answer{}, err
		}

		a.Built += "---\n" + string(data)

		pod, err := podOf(data)
		if err != nil {
			return answer{}, fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
		}

		if pod == nil {
			continue
		}

		latest := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
		for _, result := range evaluator.EvaluatePod(latest, &pod.ObjectMeta, &pod.Spec) {
			if !result.Allowed {
				text := result.ForbiddenReason + ": " + result.ForbiddenDetail
				a.Insecure = append(a.Insecure, object.GetKind()+" "+object.GetName()+": "+strings.TrimSuffix(text, ": "))
			}
		}
	}

	return a, nil
}

// podOf returns the pod that an object is or makes, nil when it makes none. It is looked at as a pod: enforcement acts on nothing
// else.
func podOf(data []byte) (*corev1.PodTemplateSpec, error) {
	var object struct {
		Kind     string            `json:"kind"`
		Metadata metav1.ObjectMeta `json:"metadata"`
		Spec     struct {
			Template    *corev1.PodTemplateSpec `json:"template"`
			JobTemplate struct {
				Spec struct {
					Template *corev1.PodTemplateSpec `json:"template"`
				} `json:"spec"`
			} `json:"jobTemplate"`
		} `json:"spec"`
	}

	if err := yaml.Unmarshal(data, &object); err != nil {
		return nil, err
	}

	if object.Kind == "Pod" {
		var pod corev1.Pod
		err := yaml.Unmarshal(data, &pod)

		return &corev1.PodTemplateSpec{ObjectMeta: pod.ObjectMeta, Spec: pod.Spec}, err
	}

	if template := object.Spec.JobTemplate.Spec.Template; template != nil {
		return template, nil
	}

	return object.Spec.Template, nil
}
