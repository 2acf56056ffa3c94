package caddymodule

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// resolveFields reads what comes with the client. Only a field that the catalog calls no secret may
// stand in the configuration itself.
func (c *OAuthClient) resolveFields(app *catalog.App) (fields []connect.ClientField, err error) {
	for _, name := range slices.Sorted(maps.Keys(c.Fields)) {
		value := vending.NewSecret(c.Fields[name])
		if !open(app, name) || checkSecretRef(c.Fields[name]) == nil {
			if value, err = resolveSecret(c.Fields[name]); err != nil {
				return nil, fmt.Errorf("field %s: %w", name, err)
			}
		}
		fields = append(fields, connect.ClientField{Name: name, Value: value})
	}
	return fields, nil
}

// readFields reads the flags --field.
func (c *clientFlags) readFields(cmd *cobra.Command, app *catalog.App) (fields []connect.ClientField, err error) {
	read := !c.public && c.secretFile == "-" // standard input, by the client secret
	for _, flag := range c.fields {
		name, value, ok := strings.Cut(flag, "=")
		file, inFile := strings.CutPrefix(value, "@")
		switch {
		case !ok || name == "":
			return nil, errors.New("--field: write NAME=VALUE, NAME=@FILE or NAME=@- for standard input")
		case !inFile && !open(app, name):
			return nil,
				fmt.Errorf("--field %[1]s: a secret must not stand among arguments, which other users of the machine see: write "+
					"%[1]s=@FILE, or %[1]s=@- for standard input", name)
		case file == "-" && read:
			return nil,
				fmt.Errorf("--field %s: standard input is taken already, for the client secret unless --secret-file says "+
					"otherwise: write %[1]s=@FILE", name)
		case inFile:
			raw, err := readInput(cmd, file, "field "+name, maxSecret)
			if err != nil {
				return nil, err
			}
			read = read || file == "-"
			value = strings.TrimRight(string(raw), "\r\n")
		}
		fields = append(fields, connect.ClientField{Name: name, Value: vending.NewSecret(value)})
	}
	return fields, nil
}
