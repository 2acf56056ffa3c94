<?php
// Has PHP's built-in server answer as a web server with WordPress' rewrite rule does: files as they are,
// all else by index.php (https://developer.wordpress.org/advanced-administration/server/web-server/nginx/).
if (is_file($_SERVER['DOCUMENT_ROOT'] . rawurldecode(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH)))) {
	return false;
}
$_SERVER['SCRIPT_NAME'] = '/index.php';
require $_SERVER['DOCUMENT_ROOT'] . '/index.php';
