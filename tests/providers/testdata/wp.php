<?php
// What an administrator does to the WordPress of TestWordPress: `php wp.php ROOT install`, `… password NAME`
// (answers id and password), `… revoke ID`.
[, $root, $verb] = $argv;
if ($verb === 'install') {
	(new mysqli(null, getenv('WP_DB_USER'), '', null, 0, getenv('WP_DB_SOCKET')))->query('CREATE DATABASE wordpress');
	define('WP_INSTALLING', true);
}
require "$root/wp-load.php";
switch ($verb) {
	case 'install':
		require ABSPATH . 'wp-admin/includes/upgrade.php';
		add_filter('pre_wp_mail', '__return_false');
		wp_install('Blog', 'alice', 'alice@example.com', true, '', 'a password for the site itself');
		update_option('permalink_structure', '/%postname%/');
		$wp_rewrite->init();
		$wp_rewrite->flush_rules(false);
		break;
	case 'password':
		[$password, $item] = WP_Application_Passwords::create_new_application_password(1, ['name' => $argv[3]]);
		echo $item['uuid'], ' ', $password;
		break;
	case 'revoke':
		if (WP_Application_Passwords::delete_application_password(1, $argv[3]) !== true) {
			exit(1);
		}
}
