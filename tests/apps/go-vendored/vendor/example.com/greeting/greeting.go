// Package greeting is to be had nowhere but here.
package greeting

const Text = "from vendor"
