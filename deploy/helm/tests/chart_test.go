package tests

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	disruption "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	gateways "sigs.k8s.io/gateway-api/apis/v1"
)

func TestLint(t *testing.T) {
	for name, file := range valueFiles(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if out, err := exec.Command(helm, "lint", "--strict", chart, "--values", file).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// TestObjects checks of every value file what a cluster would find out: unknown members (by the
// strict decoder), pods that the restricted standard refuses, selectors and ports of nothing.
func TestObjects(t *testing.T) {
	for name, file := range valueFiles(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := objects(t, "--values", file)
			pod := workload(t, all)
			checkRestricted(t, &pod.ObjectMeta, &pod.Spec)
			for _, p := range every[*core.Pod](all) {
				checkRestricted(t, &p.ObjectMeta, &p.Spec)
			}
			checkSelectors(t, all, pod.Labels)
			checkPorts(t, all, pod)
			checkVolumes(t, pod, claims(all))
			checkSecrets(t, pod, only[*core.ConfigMap](t, all).Data["Caddyfile"])
			checkTestPod(t, all)
			checkCaddyfile(t, only[*core.ConfigMap](t, all).Data["Caddyfile"])
		})
	}
}

// workload returns the pods' template.
func workload(t *testing.T, all []runtime.Object) core.PodTemplateSpec {
	t.Helper()
	if deployments := every[*apps.Deployment](all); len(deployments) == 1 {
		return deployments[0].Spec.Template
	}
	return only[*apps.StatefulSet](t, all).Spec.Template
}

func claims(all []runtime.Object) (names []string) {
	for _, s := range every[*apps.StatefulSet](all) {
		for _, c := range s.Spec.VolumeClaimTemplates {
			names = append(names, c.Name)
		}
	}
	return names
}

// checkRestricted asks what Kubernetes' own admission asks.
func checkRestricted(t *testing.T, m *meta.ObjectMeta, spec *core.PodSpec) {
	t.Helper()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	for _, r := range evaluator.EvaluatePod(level, m, spec) {
		if !r.Allowed {
			t.Errorf("pod %s: %s: %s", m.Name, r.ForbiddenReason, r.ForbiddenDetail)
		}
	}
	for _, c := range spec.Containers {
		if r := c.SecurityContext.ReadOnlyRootFilesystem; r == nil || !*r {
			t.Errorf("container %s can write to its root", c.Name)
		}
	}
	if a := spec.AutomountServiceAccountToken; a == nil || *a {
		t.Errorf("pod %s gets a token of the cluster", m.Name)
	}
}

func checkSelectors(t *testing.T, all []runtime.Object, of labels.Set) {
	t.Helper()
	selects := func(what string, s map[string]string) {
		if !labels.SelectorFromSet(s).Matches(of) {
			t.Errorf("%s selects %v, and the pods are %v", what, s, of)
		}
	}
	for _, s := range every[*core.Service](all) {
		selects("service "+s.Name, s.Spec.Selector)
	}
	for _, n := range every[*networking.NetworkPolicy](all) {
		selects("network policy", n.Spec.PodSelector.MatchLabels)
	}
	for _, d := range every[*apps.Deployment](all) {
		for _, c := range d.Spec.Template.Spec.TopologySpreadConstraints {
			selects("topology spread", c.LabelSelector.MatchLabels)
		}
	}
	for _, d := range every[*disruption.PodDisruptionBudget](all) {
		selects("disruption budget", d.Spec.Selector.MatchLabels)
	}
	for _, m := range every[*monitoring.ServiceMonitor](all) {
		scraped := 0
		for _, s := range every[*core.Service](all) {
			if labels.SelectorFromSet(m.Spec.Selector.MatchLabels).Matches(labels.Set(s.Labels)) {
				scraped++
			}
		}
		if scraped != 1 {
			t.Errorf("the service monitor selects %d services, want 1", scraped)
		}
	}
}

func checkPorts(t *testing.T, all []runtime.Object, pod core.PodTemplateSpec) {
	t.Helper()
	open := map[string]bool{}
	for _, p := range pod.Spec.Containers[0].Ports {
		open[p.Name] = true
	}
	served := map[int32]string{}
	for _, s := range every[*core.Service](all) {
		for _, p := range s.Spec.Ports {
			if !open[p.TargetPort.StrVal] {
				t.Errorf("service %s leads to port %q, which the pod does not have", s.Name, p.TargetPort.StrVal)
			}
			served[p.Port] = s.Name
		}
	}
	for _, r := range every[*gateways.HTTPRoute](all) {
		for _, b := range r.Spec.Rules[0].BackendRefs {
			if served[*b.Port] != string(b.Name) {
				t.Errorf("the route leads to %s:%d, which is no service's", b.Name, *b.Port)
			}
		}
	}
}

// checkTestPod looks for what `helm test` asks, among the services.
func checkTestPod(t *testing.T, all []runtime.Object) {
	t.Helper()
	asked := only[*core.Pod](t, all).Spec.Containers[0].Args[2]
	for _, s := range every[*core.Service](all) {
		for _, p := range s.Spec.Ports {
			if asked == fmt.Sprintf("http://%s:%d/health/ready", s.Name, p.Port) && p.TargetPort.StrVal == "ops" {
				return
			}
		}
	}
	t.Errorf("the test pod asks %s, which no service leads to", asked)
}

func checkVolumes(t *testing.T, pod core.PodTemplateSpec, made []string) {
	t.Helper()
	for _, v := range pod.Spec.Volumes {
		made = append(made, v.Name)
	}
	mounted := map[string]bool{}
	for _, m := range pod.Spec.Containers[0].VolumeMounts {
		mounted[m.MountPath] = true
		if !strings.Contains(" "+strings.Join(made, " ")+" ", " "+m.Name+" ") {
			t.Errorf("volume %s is mounted and missing", m.Name)
		}
	}
	for _, dir := range []string{"/data", "/etc/vendgate"} { // the data_dir's, and that of the argument --config
		if !mounted[dir] {
			t.Errorf("nothing is mounted at %s", dir)
		}
	}
	if p := pod.Spec.SecurityContext.FSGroupChangePolicy; p == nil || *p != core.FSGroupChangeOnRootMismatch {
		t.Error("the kubelet would open the keyset to the group at each start")
	}
}

// checkSecrets checks that the files of the volume `shared` are those that the Caddyfile names.
func checkSecrets(t *testing.T, pod core.PodTemplateSpec, caddyfile string) {
	t.Helper()
	var mounted, named []string
	for _, v := range pod.Spec.Volumes {
		if v.Name != "shared" {
			continue
		}
		for _, s := range v.Projected.Sources {
			for _, i := range s.Secret.Items {
				mounted = append(mounted, i.Path)
			}
		}
	}
	for _, m := range regexp.MustCompile(`\{file\./run/secrets/shared/([^}]+)\}`).FindAllStringSubmatch(caddyfile, -1) {
		named = append(named, m[1])
	}
	slices.Sort(mounted)
	slices.Sort(named)
	if !slices.Equal(mounted, named) {
		t.Errorf("the pod has the secrets %q, and its Caddyfile names %q", mounted, named)
	}
}

// checkCaddyfile has the program itself check the configuration.
func checkCaddyfile(t *testing.T, caddyfile string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "Caddyfile")
	caddyfile = strings.ReplaceAll(caddyfile, "/data/", dir+"/")
	caddyfile = strings.ReplaceAll(caddyfile, "/run/secrets/vendgate/", dir+"/")
	caddyfile = strings.ReplaceAll(caddyfile, "/run/secrets/shared/", dir+"/")
	for _, secret := range []string{"google", "pabbly"} {
		write(t, filepath.Join(dir, secret), "pk_live_0123456789abcdefghijklmnopqrstuvw")
	}
	for file, text := range map[string]string{
		"kek": strings.Repeat("A", 42) + "E=", "kek-previous": strings.Repeat("A", 42) + "I=",
		"postgres": database.url(), "postgres-listen": database.url(),
		"redis": "redis://:password@127.0.0.1:1/0", // asked by no one who only checks
	} {
		write(t, filepath.Join(dir, file), text)
	}
	write(t, file, caddyfile)
	cmd := exec.Command(vendgate, "validate", "--config", file, "--adapter", "caddyfile")
	cmd.Env = append(os.Environ(), "ACME_KEY=pk_live_0123456789abcdefghijklmnopqrstuvw", "HOME="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\nof\n%s", err, out, caddyfile)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestReplicas(t *testing.T) {
	file := filepath.Join(chart, "ci", "stateless-values.yaml")
	all := objects(t, "--values", file)
	if d := only[*apps.Deployment](t, all); *d.Spec.Replicas != 3 {
		t.Errorf("%d replicas, want 3", *d.Spec.Replicas)
	}
	if d := only[*disruption.PodDisruptionBudget](t, all); d.Spec.MaxUnavailable.IntValue() != 1 {
		t.Errorf("max unavailable %s, want 1", d.Spec.MaxUnavailable)
	}
	if d := every[*disruption.PodDisruptionBudget](objects(t)); len(d) != 0 {
		t.Error("one replica has a disruption budget, which would block the draining of its node")
	}
}

// TestPublicPaths checks that the internet reaches only what it must.
func TestPublicPaths(t *testing.T) {
	all := objects(t, "--values", filepath.Join(chart, "ci", "ingress-values.yaml"), "--set", "ingress.paths=null")
	for _, p := range only[*networking.Ingress](t, all).Spec.Rules[0].HTTP.Paths {
		if p.Path != "/connect" {
			t.Errorf("the ingress leads to %s by default", p.Path)
		}
	}
	route := only[*gateways.HTTPRoute](t, objects(t, "--values", filepath.Join(chart, "ci", "httproute-values.yaml")))
	if m := route.Spec.Rules[0].Matches; len(m) != 1 || *m[0].Path.Value != "/connect" {
		t.Errorf("the route leads to %+v by default", m)
	}
}

// TestRestart checks that a changed Caddyfile restarts the pods, unless that is turned off.
func TestRestart(t *testing.T) {
	digest := func(args ...string) string {
		pod := workload(t, objects(t, args...))
		return pod.Annotations["checksum/caddyfile"]
	}
	if a, b := digest(), digest("--set", "gateway.publicURL=https://other.example"); a == "" || a == b {
		t.Errorf("digests %q and %q of two configurations", a, b)
	}
	if d := digest("--set", "restartOnChange=false"); d != "" {
		t.Errorf("digest %q though restarts are off", d)
	}
}

// clustered are the values that make several gateways possible.
const clustered = "postgres.existingSecret=a,keyEncryptionKey.existingSecret=b,replicaCount=2"

func TestInvalidValues(t *testing.T) {
	for value, want := range map[string]string{
		"replicaCount=2":                                              "embedded store is one volume of one pod",
		"replicaCount=0":                                              "replicaCount",
		"gateway.publicUrl=https://x.example":                         "publicUrl",
		"gateway.publicURL=gateway.example":                           "publicURL",
		"gateway.publicURL=https://x.example/":                        "publicURL",
		"persistence.size=big":                                        "size",
		"persistence.accessModes={ReadWriteMany}":                     "accessModes",
		"image.digest=sha256:abc":                                     "digest",
		"ingress.enabled=true":                                        "ingress.hosts is empty",
		"httpRoute.enabled=true":                                      "httpRoute.parentRefs is empty",
		"service.type=External":                                       "type",
		"networkPolicy.egressPorts={https}":                           "egressPorts",
		"unknown=1":                                                   "unknown",
		"postgres.existingSecret=a":                                   "keyEncryptionKey.existingSecret",
		"postgres.listenURLKey=a":                                     "without postgres.existingSecret",
		"keyEncryptionKey.previous.existingSecret=a":                  "the key that seals is missing",
		"keyEncryptionKey.existingSecret=a,persistence.enabled=false": "no store whose keyset it would seal",
		"keyEncryptionKey.existingSecret=a,replicaCount=2":            "set postgres.existingSecret",
		"redis.existingSecret=a,replicaCount=2":                       "set postgres.existingSecret",
		clustered + ",persistence.existingClaim=c":                    "vendgate store migrate",
		clustered + ",keyEncryptionKey.existingSecret=":               "vendgate keyset kek create",
		clustered + ",redis.existingSecret=c,redis.onFailure=fail":    "onFailure",
		clustered + ",postgres.urlKey=a/b":                            "urlKey",
		clustered + ",networkPolicy.redis.ports={redis}":              "ports",
		"gracePeriod=soon":                                            "gracePeriod",
	} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			_, err := template("--set", value)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want one that names %q", err, want)
			}
		})
	}
}
