-- 1. Revenue by category, and how 2024 compares with 2022.
SELECT category_name,
       sum(CASE WHEN year = 2022 THEN amount END) AS revenue_2022,
       sum(CASE WHEN year = 2024 THEN amount END) AS revenue_2024,
       CAST(100 * (sum(CASE WHEN year = 2024 THEN amount END)
                   / sum(CASE WHEN year = 2022 THEN amount END) - 1) AS DECIMAL(6, 1))
         AS growth_percent
FROM sales s
JOIN calendar d ON d.date_key = s.date_key
JOIN product p ON p.product_id = s.product_id
JOIN subcategory u ON u.subcategory_id = p.subcategory_id
JOIN category c ON c.category_id = u.category_id
GROUP BY category_name
ORDER BY revenue_2024 DESC;

