<?php
// The configuration of the WordPress that TestWordPress runs; its values come from the environment.
define('DB_NAME', 'wordpress');
define('DB_USER', getenv('WP_DB_USER'));
define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:' . getenv('WP_DB_SOCKET'));
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
foreach (['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'] as $name) {
	define($name . '_KEY', "$name key");
	define($name . '_SALT', "$name salt");
}
$table_prefix = 'wp_';
define('WP_HOME', trim(file_get_contents(getenv('WP_HOME_FILE'))));
define('WP_SITEURL', WP_HOME);
define('WP_ENVIRONMENT_TYPE', 'local'); // application passwords without TLS
define('DISABLE_WP_CRON', true);
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
if (!defined('ABSPATH')) {
	define('ABSPATH', __DIR__ . '/');
}
require_once ABSPATH . 'wp-settings.php';
