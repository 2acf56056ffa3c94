package platform

import "fmt"

// advice says what to do about a value that cannot be placed: the server checked what it holds
// against an entry of its own.
func advice(field string) string {
	return fmt.Sprintf("the server has field %q in another form: declare the app as it is there, with an app block", field)
}
