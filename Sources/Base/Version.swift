/// The version of all programs of this source tree.
package let hasupVersion = "0.1.0"
