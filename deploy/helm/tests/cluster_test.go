package tests

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	disruption "k8s.io/api/policy/v1"
)

// TestCluster checks what several gateways with a store need: no volume, a new pod before an old
// one ends, and pods on several machines.
func TestCluster(t *testing.T) {
	all := objects(t, "--values", filepath.Join(chart, "ci", "cluster-values.yaml"))
	deployment := only[*apps.Deployment](t, all)
	if *deployment.Spec.Replicas != 3 {
		t.Errorf("%d replicas, want 3", *deployment.Spec.Replicas)
	}
	if u := deployment.Spec.Strategy.RollingUpdate; u == nil || u.MaxUnavailable.IntValue() != 0 ||
		u.MaxSurge.IntValue() != 1 {
		t.Errorf("an update ends old pods before new ones are ready: %+v", deployment.Spec.Strategy)
	}
	pod := deployment.Spec.Template
	for _, v := range pod.Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			t.Errorf("volume %s is a claim, though the store is in PostgreSQL", v.Name)
		}
	}
	if len(pod.Spec.TopologySpreadConstraints) == 0 {
		t.Error("nothing spreads the pods over machines")
	}
	caddyfile := only[*core.ConfigMap](t, all).Data["Caddyfile"]
	if !strings.Contains(caddyfile, "\tvendgate_connect\n") {
		t.Errorf("the store's API and pages are missing:\n%s", caddyfile)
	}
	only[*disruption.PodDisruptionBudget](t, all)
	egress := only[*networking.NetworkPolicy](t, all).Spec.Egress
	for port, want := range map[int]string{5432: "databases", 6432: "databases", 6379: "10.30.0.0/24", 443: "2000::/3"} {
		if !slices.ContainsFunc(egress, func(e networking.NetworkPolicyEgressRule) bool {
			return opens(e, port) && strings.Contains(fmt.Sprint(e.To), want)
		}) {
			t.Errorf("no egress to %s at port %d", want, port)
		}
	}
}

func opens(e networking.NetworkPolicyEgressRule, port int) bool {
	return slices.ContainsFunc(e.Ports, func(p networking.NetworkPolicyPort) bool { return p.Port.IntValue() == port })
}

// TestEgress: by default PostgreSQL and Redis may be anywhere, and nothing at their ports is open
// without them.
func TestEgress(t *testing.T) {
	opened := func(port int, values ...string) (found bool) {
		for _, e := range only[*networking.NetworkPolicy](t, objects(t, values...)).Spec.Egress {
			found = found || opens(e, port) && len(e.To) == 0
		}
		return found
	}
	with := []string{"--set", "postgres.existingSecret=a,keyEncryptionKey.existingSecret=b,redis.existingSecret=c"}
	for _, port := range []int{5432, 6379} {
		if !opened(port, with...) || opened(port) {
			t.Errorf("port %d is open with its service: %v, without it: %v", port, opened(port, with...), opened(port))
		}
	}
}

// TestShutdown: what a pod does before it ends fits into what the kubelet gives it.
func TestShutdown(t *testing.T) {
	all := objects(t)
	var took time.Duration
	for _, m := range regexp.MustCompile(`(?m)^\t(?:shutdown_delay|grace_period) (\S+)$`).FindAllStringSubmatch(
		only[*core.ConfigMap](t, all).Data["Caddyfile"], -1) {
		d, err := time.ParseDuration(m[1])
		if err != nil {
			t.Fatal(err)
		}
		took += d
	}
	given := time.Duration(*workload(t, all).Spec.TerminationGracePeriodSeconds) * time.Second
	if took < 30*time.Second || given-took < 5*time.Second {
		t.Errorf("a pod ends within %s, and is killed after %s", took, given)
	}
	unbounded := only[*core.ConfigMap](t, objects(t, "--set", "gracePeriod=")).Data["Caddyfile"]
	if strings.Contains(unbounded, "grace_period") {
		t.Errorf("an empty gracePeriod is written:\n%s", unbounded)
	}
}
