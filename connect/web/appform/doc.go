// Package appform makes the form for what an app needs of its customers, and reads it: on the pages
// of a link and on the dashboard. It must never hand a secret back to a page.
package appform
