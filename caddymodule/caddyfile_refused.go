package caddymodule

import (
	"strconv"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/vendgate/vendgate/catalog"
)

// statuses reads one status code or more, and adds them to list.
func statuses(list *[]int) option {
	return func(d *caddyfile.Dispenser) error {
		name := d.Val()
		var all []string
		if err := texts(&all)(d); err != nil {
			return err
		}
		for _, s := range all {
			status, err := strconv.Atoi(s)
			if err != nil {
				return d.Errf("%s: %q is an invalid status; write a number like 403", name, s)
			}
			*list = append(*list, status)
		}
		return nil
	}
}

// parseRefused reads `refused STATUS… [{ … }]`, where the block may name the statuses, too.
func parseRefused(d *caddyfile.Dispenser, app *catalog.App) error {
	var r catalog.Refused
	if d.CountRemainingArgs() > 0 {
		if err := statuses(&r.Statuses)(d); err != nil {
			return err
		}
	}
	err := parseBlock(d, options{
		"statuses": statuses(&r.Statuses), "body": texts(&r.Body),
		"when": func(d *caddyfile.Dispenser) error { return pair(d, &r.When) },
	}, "statuses", "when", "body")
	app.Refused = append(app.Refused, r)
	return err
}

// parseAccepted reads `accepted STATUS [TEXT …]`.
func parseAccepted(d *caddyfile.Dispenser, v *catalog.Verify) error {
	all := d.RemainingArgs()
	if len(all) == 0 {
		return missing(d, "accepted", "STATUS [TEXT …]")
	}
	status, err := strconv.Atoi(all[0])
	if err != nil {
		return d.Errf("accepted: %q is an invalid status; write a number like 401", all[0])
	}
	v.Accepted = append(v.Accepted, catalog.Accepted{Status: status, Body: all[1:]})
	return nil
}
