package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

const (
	// healthTimeout bounds the question; container engines have bounds of their own.
	healthTimeout = 5 * time.Second
	// maxHealthBody bounds what is read of an answer, in bytes.
	maxHealthBody = 64 << 10
)

func healthCommand(cmd *cobra.Command) {
	var url string
	cmd.Use = "health [--url URL]"
	cmd.Long = "Asks a running server whether it is ready, as vendgate_health says. It ends with 0 if it is, and with " +
		"1 if " +
		"it is not or\ncannot be asked, and prints the reasons: for the health check of a container, and for scripts."
	cmd.Flags().StringVar(&url, "url", "http://127.0.0.1:8080/health/ready", "address of the readiness check")
	cmd.Args, cmd.SilenceUsage = cobra.NoArgs, true
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, url, nil)
		if err != nil {
			return fmt.Errorf("--url: %w", err)
		}
		client := &http.Client{Timeout: healthTimeout, Transport: &http.Transport{DisableKeepAlives: true}} // and no proxy
		res, err := client.Do(r)
		if err != nil {
			return fmt.Errorf("asking the server: %w: check that it runs, and write the address of its vendgate_health as "+
				"--url", err)
		}
		defer func() { _ = res.Body.Close() }() // it was only read
		return reportHealth(cmd.OutOrStdout(), res)
	}
}

// reportHealth prints what a server answered, and returns why it is not ready.
func reportHealth(w io.Writer, res *http.Response) error {
	var report struct {
		Status string
		Checks []struct {
			Name, Reason string
			OK           bool
		}
	}
	err := json.NewDecoder(io.LimitReader(res.Body, maxHealthBody)).Decode(&report)
	if err != nil || report.Status != "ready" && report.Status != "not_ready" && report.Status != "live" {
		return fmt.Errorf("the server answered %d, and not as vendgate_health does: check --url, and that the site has "+
			"vendgate_health before other handlers of that path", res.StatusCode)
	}
	if _, err := fmt.Fprintln(w, report.Status); err != nil {
		return err
	}
	for _, c := range report.Checks {
		if c.OK {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s: %s\n", c.Name, c.Reason); err != nil {
			return err
		}
	}
	if res.StatusCode != http.StatusOK {
		return errors.New("the server is not ready")
	}
	return nil
}
