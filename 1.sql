-- 2. The ten products that earned most in December 2024, with their margin.
SELECT product_name, brand, sum(quantity) AS pieces, sum(amount) AS revenue,
       sum(amount) - sum(quantity * unit_cost) AS margin
FROM sales s
JOIN calendar d ON d.date_key = s.date_key
JOIN product p ON p.product_id = s.product_id
WHERE year = 2024 AND month = 12
GROUP BY product_name, brand
ORDER BY revenue DESC, product_name
LIMIT 10;

